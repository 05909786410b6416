inventory "ansibel" "shop" {
  path = "hosts.yml"
}
