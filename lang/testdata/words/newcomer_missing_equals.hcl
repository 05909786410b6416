job "a" {
  hosts [host.localhost] # says: An argument or block definition is required here. To set an argument, use the equals sign "=" to introduce the argument value.
}
