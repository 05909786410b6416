hosts "a" { # error: unknown_block
}
