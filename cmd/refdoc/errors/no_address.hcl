host "web" {
  hop "ssh" { user = "deploy" }
}
