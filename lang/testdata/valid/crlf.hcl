job "a" {
  hosts = [host.localhost]
  task "shell" "b" {
    script = <<EOT
x
EOT
  }
}
