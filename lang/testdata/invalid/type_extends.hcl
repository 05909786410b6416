chain "a" {
  extends = host.localhost # error: wrong_type
}
