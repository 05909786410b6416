output "d" { value = "a\qb" } # says: This escape does not exist. A backslash itself is written \\.
