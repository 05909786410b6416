job "a" {
  hosts = host.localhost
  try {} # error: decode
  try { # error: decode
    rescue {
      task "command" "rescued" { argv = ["x"] }
    }
  }
  try { # error: decode
    when = true
    always {
      task "command" "always" { argv = ["x"] }
    }
  }
  try {
    tusk "command" "misspelt" {} # error: unknown_block
  }
  try {
    rescue {}
    task "command" "late" { argv = ["x"] } # error: decode
  }
}
