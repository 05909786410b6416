host "a" {
  hop "docker" {
    container = self.facts.hostname # error: not_static
  }
}
