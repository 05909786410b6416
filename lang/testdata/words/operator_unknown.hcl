output "d" { value = a & b } # says: There is no operator &. Did you mean &&?
