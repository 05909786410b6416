job "a" {
  hosts = host.localhost
  try {
    run_as = "a" # error: unknown_argument
  }
}
