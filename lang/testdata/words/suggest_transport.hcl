host "a" {
  hop "sud" {} # says: There is no transport "sud". Did you mean "sudo"?
}
