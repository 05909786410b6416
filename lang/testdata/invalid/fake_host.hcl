job "a" {
  hosts = [{ name = "x", address = "y", labels = {}, vars = {}, groups = [], facts = {} }] # error: wrong_type
}
