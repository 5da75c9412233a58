/* The tables of CloudWatch's shapes. Invariant: shapes.h and this file read the same .def file. */
#include "api/cloudwatch/shapes.h"

static const char *const units[] = {"Seconds",
                                    "Microseconds",
                                    "Milliseconds",
                                    "Bytes",
                                    "Kilobytes",
                                    "Megabytes",
                                    "Gigabytes",
                                    "Terabytes",
                                    "Bits",
                                    "Kilobits",
                                    "Megabits",
                                    "Gigabits",
                                    "Terabits",
                                    "Percent",
                                    "Count",
                                    "Bytes/Second",
                                    "Kilobytes/Second",
                                    "Megabytes/Second",
                                    "Gigabytes/Second",
                                    "Terabytes/Second",
                                    "Bits/Second",
                                    "Kilobits/Second",
                                    "Megabits/Second",
                                    "Gigabits/Second",
                                    "Terabits/Second",
                                    "Count/Second",
                                    "None",
                                    NULL};
static const char *const statistics[] = {"SampleCount", "Average", "Sum",
                                         "Minimum",     "Maximum", NULL};
static const char *const comparisons[] = {"GreaterThanOrEqualToThreshold",
                                          "GreaterThanThreshold",
                                          "LessThanThreshold",
                                          "LessThanOrEqualToThreshold",
                                          "LessThanLowerOrGreaterThanUpperThreshold",
                                          "LessThanLowerThreshold",
                                          "GreaterThanUpperThreshold",
                                          NULL};
static const char *const recent[] = {"PT3H", NULL};
static const char *const scans[] = {"TimestampDescending", "TimestampAscending", NULL};
static const char *const alarm_types[] = {"CompositeAlarm", "MetricAlarm", NULL};
static const char *const alarm_states[] = {"OK", "ALARM", "INSUFFICIENT_DATA", NULL};
static const char *const history_kinds[] = {"ConfigurationUpdate", "StateUpdate", "Action", NULL};

#include "api/shape_tables.h"
#include "api/cloudwatch/shapes.def"
#include "api/shape_end.h"
