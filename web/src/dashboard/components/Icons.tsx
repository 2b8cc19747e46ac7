// Line icons, drawn for this dashboard on a grid of 20.
const paths = {
  overview: 'M3 3h6v8H3zM11 3h6v5h-6zM11 10h6v7h-6zM3 13h6v4H3z',
  leads: 'm10 2.5 2.3 4.8 5.2.7-3.8 3.6.9 5.2L10 14.3l-4.6 2.5.9-5.2L2.5 8l5.2-.7z',
  jobs: 'M3 5h8M3 10h14M3 15h5M14.5 5h2.5M11.5 15h5.5',
  imports: 'M10 3v9m0 0-3.5-3.5M10 12l3.5-3.5M3 13v3a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1v-3',
  check: 'M6 2.5h8a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H6a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1zM9 15h2',
  access: 'M10 2.5 16 5v4.5c0 3.6-2.4 6.6-6 8-3.6-1.4-6-4.4-6-8V5zM7.5 10l1.8 1.8L12.7 8.4',
  plus: 'M10 4v12M4 10h12',
  back: 'M12 4l-6 6 6 6',
  down: 'm5 8 5 5 5-5',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}
