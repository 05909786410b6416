job "a" {
  hosts = [host.localhost]
  try {
    task "command" "a" { argv = ["a"] }
    rescu { # says: There is no block "rescu" in a try. Did you mean "rescue"?
      task "command" "b" { argv = [failure.mesage] }
    }
    rescue {
      task "command" "c" { argv = [failure.mesage] } # says: "failure" has only changed, failed, skipped, duration, address, error, stdout, stderr, exit_code.
    }
  }
}
