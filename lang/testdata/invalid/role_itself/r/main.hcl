role "again" { # error: cycle
  source = "../r"
}
