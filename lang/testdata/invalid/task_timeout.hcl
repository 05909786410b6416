runner {
  task_timeout = "1" # error: invalid_value
}
