host "x" { # error: unknown_block
}
