job "j" {
  hosts = host.localhost

  task "shell" "s" {
    for_each   = { postgres = "stop" }
    run_as     = each.key        # error: unknown_reference
    tags       = [each.key]      # error: unknown_reference
    on_failure = each.value      # error: unknown_reference
    sensitive  = each.key == "x" # error: unknown_reference
    script     = each.key
  }

  task "shell" "t" {
    for_each = { postgres = "stop" }
    script   = each.key
    hop "sudo" {
      user = each.key # error: unknown_reference
    }
  }
}
