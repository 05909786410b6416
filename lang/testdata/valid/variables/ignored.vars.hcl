auto = 3
