prot = 3 # warning: unknown_variable
