varable "a" {} # says: There is no block "varable" in a site. Did you mean "variable"?
