auto = 1
not_null = null
