a = "x" # error: wrong_type
