variable "v" {
  default = 1
}
job "a" {
  hosts = host.localhost
  role "r" {
    source = "./r"
  }
}
