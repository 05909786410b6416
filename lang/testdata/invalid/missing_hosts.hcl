job "a" { # error: missing_argument
}
