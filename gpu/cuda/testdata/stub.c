/* A library that is not a driver. */
int quern_not_a_driver(void);

int quern_not_a_driver(void)
{
	return 0;
}
