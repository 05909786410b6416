job "a" {
  hosts = host.localhost
  role "r" {
    source = "./r"
    names  = [for pair in setproduct(range(200), range(100)) : "${pair[0]}-${pair[1]}"] # error: too_large
  }
}
