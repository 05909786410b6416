host "a" {
  hop = "local" # error: unknown_argument
  via = host.localhost
}
