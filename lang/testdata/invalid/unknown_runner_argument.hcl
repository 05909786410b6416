runner {
  paralelism = 3 # error: unknown_argument
}
