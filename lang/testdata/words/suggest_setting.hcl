runner { paralelism = 1 } # says: There is no argument "paralelism" in the runner block. Did you mean "parallelism"?
