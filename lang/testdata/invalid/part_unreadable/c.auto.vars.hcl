declared_in_a = 5
