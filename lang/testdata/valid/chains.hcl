variable "password" {
  default   = "p4ssw0rd"
  sensitive = true
}

chain "base" {
  hop "ssh" {
    user = "deploy"
    port = 2222
  }
}

chain "admin" {
  extends = chain.base
  hop "sudo" {
    user     = self.labels.admin
    password = var.password
  }
}

host "a" {
  address = "192.0.2.1"
  chain   = chain.admin
  labels  = { admin = "root" }
}

host "b" {
  address = "192.0.2.2"
  chain   = true ? chain.admin : chain.base
  labels  = { admin = "adm" }
  hop "docker" {
    container = "c-${self.name}-${self.address}"
  }
}

job "x" {
  hosts = [host.b, host.a, host.b]
}
