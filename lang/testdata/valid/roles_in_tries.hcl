job "a" {
  hosts = host.localhost
  try {
    role "web" {
      source = "../roles/web"
      port   = 1
    }
    rescue {
      role "again" {
        source = "../roles/web"
        port   = 2
        owner  = failure.error
      }
    }
  }
}
