-- An app's project as it grew: uuid keys, enums, profiles beside auth.users, policies for its own users, moddatetime.
create extension if not exists citext;
create table if not exists auth.users (id uuid primary key default gen_random_uuid(), email text);
grant usage on schema auth to authenticated;

create type ticket_status as enum ('new', 'waiting', 'In Progress', 'done');
create type ticket_priority as enum ('p1', 'p2', 'p3');

create function touch() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end
$$;

create table profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    full_name text not null,
    avatar_url text
);
create table products (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    description text,
    price numeric,
    sku varchar(40) unique,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);
create table customers (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    email citext,
    phone text,
    vip boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create table acquisitions (
    id uuid primary key default gen_random_uuid(),
    customer_id uuid not null references customers (id) on delete cascade,
    product_id uuid not null references products (id),
    quantity integer not null default 1,
    total_amount numeric(14, 4),
    created_at timestamptz not null default now(),
    updated_at timestamptz
);
create table interactions (
    id uuid primary key,
    customer_id uuid not null references customers (id) on delete cascade,
    type text not null default 'call' check (type in ('call', 'visit', 'letter')),
    notes text,
    interaction_at timestamp,
    created_at timestamp default now()
);
create table tickets (
    id uuid primary key default gen_random_uuid(),
    title text not null,
    description text,
    status ticket_status not null default 'new',
    priority ticket_priority,
    customer_id uuid references customers (id) on delete set null,
    assigned_to uuid references auth.users (id) on delete set null,
    due_on date,
    tags text[] not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index tickets_assigned_to on tickets (assigned_to);
create table comments (
    id uuid primary key default gen_random_uuid(),
    ticket_id uuid not null references tickets (id) on delete cascade,
    author_id uuid references auth.users (id),
    content text not null,
    created_at timestamptz not null default now()
);
create table attachments (
    id uuid primary key default gen_random_uuid(),
    ticket_id uuid not null references tickets (id) on delete cascade,
    comment_id uuid references comments (id) on delete cascade,
    file_name text not null,
    file_url text not null,
    file_type text,
    file_size bigint,
    created_at timestamptz not null default now()
);
create trigger handle_updated_at before update on products for each row execute function touch();
create trigger handle_updated_at before update on tickets for each row execute function touch();

alter table customers enable row level security;
alter table tickets enable row level security;
alter table comments enable row level security;
create policy "Everybody signed in reads customers" on customers for select to authenticated using (true);
create policy "Everybody signed in writes customers" on customers for all to authenticated using (true) with check (true);
create policy "My tickets" on tickets for all to authenticated
    using (assigned_to is null or assigned_to = auth.uid()) with check (true);
create policy "My comments" on comments for all to authenticated using (author_id = auth.uid()) with check (author_id = auth.uid());
alter publication supabase_realtime add table tickets, comments;

insert into auth.users (id, email) values
    ('aaaaaaaa-0000-4000-8000-000000000001', 'ada@example.org'), ('aaaaaaaa-0000-4000-8000-000000000002', 'bo@example.org');
insert into profiles select id, initcap(split_part(email, '@', 1)) || ' of the app' from auth.users;
insert into products (name, price, description, created_at)
    select 'Product ' || n, case when n % 3 > 0 then n * 1.2345 end, case when n % 2 = 0 then 'About ' || n end,
           case when n % 4 > 0 then now() - n * interval '1 hour' end
    from generate_series(1, 40) as n;
insert into customers (name, email, phone)
    select 'Customer ' || n, case when n % 2 = 0 then 'C' || n || '@Example.org' end, case when n % 3 = 0 then '+49 30 ' || n end
    from generate_series(1, 60) as n;
insert into acquisitions (customer_id, product_id, quantity, total_amount)
    select c.id, p.id, 1 + length(c.name) % 3, case when length(p.name) = 9 then 12.3456 end
    from customers as c join products as p on right(c.name, 1) = right(p.name, 1);
insert into interactions (id, customer_id, type, notes, interaction_at, created_at)
    select gen_random_uuid(), id, (array['call', 'visit', 'letter'])[1 + length(name) % 3], null,
           case when right(name, 1) in ('1', '2') then null else '2026-03-04 05:06:07'::timestamp end,
           case when right(name, 1) = '3' then null else '2026-03-04 05:06:07'::timestamp end
    from customers;
insert into tickets (title, description, status, priority, customer_id, assigned_to)
    select 'Ticket ' || n, case when n % 2 = 0 then 'It is about ' || n end,
           (array['new', 'waiting', 'In Progress', 'done']::ticket_status[])[1 + n % 4],
           case when n % 3 > 0 then ('p' || n % 3)::ticket_priority end,
           (select id from customers where name = 'Customer ' || n),
           case when n % 5 = 0 then 'aaaaaaaa-0000-4000-8000-000000000001'::uuid end
    from generate_series(1, 80) as n;
insert into comments (ticket_id, author_id, content)
    select id, case when right(title, 1) in ('1', '5') then 'aaaaaaaa-0000-4000-8000-000000000002'::uuid end, 'I say ' || title from tickets;
insert into attachments (ticket_id, file_name, file_url)
    select id, 'a file.pdf', 'https://example.org/file' from tickets where right(title, 1) = '7';
