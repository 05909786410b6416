runner {
  required_version = ">= 99" # error: unsupported_version
}
