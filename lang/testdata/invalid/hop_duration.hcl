host "a" {
  hop "local" {
    connect_timeout = "soon" # error: invalid_value
  }
}
