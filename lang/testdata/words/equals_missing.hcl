job "a" {
  hosts [host.localhost] # says: Expected an argument, such as name = value, or a block. Between the name of an argument and its value stands an equals sign.
}
