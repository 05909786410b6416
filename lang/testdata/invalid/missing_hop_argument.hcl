host "a" {
  hop "docker" {} # error: missing_argument
}
