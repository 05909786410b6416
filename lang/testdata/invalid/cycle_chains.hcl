chain "a" {
  extends = chain.b
}
chain "b" {
  extends = chain.a # error: cycle
}
