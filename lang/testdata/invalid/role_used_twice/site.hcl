job "a" {
  hosts = host.localhost
  role "one" {
    source = "./r"
    v      = "1"
  }
  role "two" {
    source = "./r"
    v      = "x"
  }
}
