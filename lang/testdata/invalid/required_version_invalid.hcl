runner {
  required_version = "newest" # error: invalid_value
}
