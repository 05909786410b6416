inventory "ansibl" "x" { path = "h" } # says: There is no inventory of type "ansibl". Did you mean "ansible"?
