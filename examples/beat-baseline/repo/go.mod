module lookup

go 1.24
