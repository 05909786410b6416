runner { parallelism = 10 }

runner { task_timeout = "1m" }
