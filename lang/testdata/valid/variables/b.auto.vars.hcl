auto = 2
