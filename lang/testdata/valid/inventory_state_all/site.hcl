inventory "terraform" "all" {
  path = "terraform.tfstate"
  hop "docker" {
    container = "c"
  }
}
