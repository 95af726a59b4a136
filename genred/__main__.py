from genred.cli import main

main()
