host "a" {
  address = "h${count.index}" # error: unknown_reference
  hop "ssh" {}
}
