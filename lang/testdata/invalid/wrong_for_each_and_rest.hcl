# A for_each that cannot be used hides nothing of the rest of its task.
job "a" {
  hosts = host.localhost
  task "command" "number" {
    for_each     = 5        # error: wrong_type
    argv         = 7        # error: wrong_type
    timeout      = "never"  # error: invalid_value
    environment  = 3        # error: wrong_type
    notify       = 5        # error: wrong_type
    changed_when = 4        # error: wrong_type
    retry {
      attempts = "x" # error: wrong_type
    }
  }
  task "command" "null_in_set" {
    for_each = toset([null, "a"])     # error: invalid_value
    argv     = each.value + []        # error: evaluate
    when     = each.key == "a"
  }
  task "command" "failing" {
    for_each = { a = 1 }.b           # error: unknown_reference
    argv     = [each.value.anything, each.key]
    chdir    = 5                     # error: invalid_value
  }
  task "file" "none" {
    for_each = []
    path     = each.value.anything
    mode     = "wrong" # error: invalid_value
  }
}
