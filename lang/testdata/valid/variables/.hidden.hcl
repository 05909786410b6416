this is no HCL [
