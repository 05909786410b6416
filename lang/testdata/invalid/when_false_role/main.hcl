job "a" {
  hosts = host.localhost
  role "r" {
    source = "./r"
    when   = false
    list   = []
  }
}
