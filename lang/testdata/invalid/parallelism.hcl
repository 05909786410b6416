runner {
  parallelism = 0 # error: invalid_value
}
