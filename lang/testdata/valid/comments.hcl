# one
// two
/* three
job "none" { */
job "some" { # four
  hosts = [
    host.localhost, // five
  ]
}
