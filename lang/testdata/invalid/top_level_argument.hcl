parallelism = 3 # error: unknown_argument
