package main

func Example() {
	main()
	// Output:
	// Deleted 2 thread(s)
	// Restored 2 thread(s)
}
